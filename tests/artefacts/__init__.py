"""What is uploaded, not what is checked out: built, inspected, and run in a clean interpreter."""
