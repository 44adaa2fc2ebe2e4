"""What is made of a run's record: results, a report, and the capacity that follows."""
