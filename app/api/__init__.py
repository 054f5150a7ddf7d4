"""The wire: routes of one to three lines, the guard, and the only place where a refusal is rendered."""
