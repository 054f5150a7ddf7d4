"""What is remembered: the only SQL. Functions take the transaction first; flows decide where one begins and ends."""
