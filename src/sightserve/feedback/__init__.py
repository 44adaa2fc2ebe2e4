"""What people say of answers: right, or wrong and what it is. Kept in a database, off unless one is named."""
