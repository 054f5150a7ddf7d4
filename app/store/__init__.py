"""The database: the only SQL. Functions take the transaction as first argument; flows begin and end it."""
