"""A child process for what strangers' bytes may crash, hang or swell: started lean, bounded, killed and replaced."""
