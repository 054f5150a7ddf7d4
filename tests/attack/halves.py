"""What may never stand in the database, whenever it is looked at: the half of something."""

import asyncpg

HALVES = {
    "a confirmed factor whose confirmation is still open": """
        SELECT e.id FROM enrollments e JOIN challenges c USING (id)
        WHERE e.confirmed_at IS NOT NULL AND c.closed_at IS NULL""",
    "a confirmation that is closed, of a factor that is not confirmed": """
        SELECT e.id FROM enrollments e JOIN challenges c USING (id)
        WHERE e.confirmed_at IS NULL AND c.closed_at IS NOT NULL""",
    "a code that could still be used after it was": """
        SELECT id FROM challenges WHERE closed_at IS NOT NULL AND fingerprint IS NOT NULL""",
    "a challenge with more attempts than there are": """
        SELECT id FROM challenges WHERE attempts > 5 OR (closed_at IS NOT NULL AND attempts = 0)""",
    "more sessions with a code by SMS than answers that were right": """
        SELECT user_id FROM sessions WHERE 'sms' = ANY(amr) GROUP BY user_id
        HAVING count(*) > (SELECT count(*) FROM challenges c WHERE c.user_id = sessions.user_id AND closed_at IS NOT NULL)""",
    "a live session of somebody who is disabled": """
        SELECT s.id FROM sessions s JOIN users u ON u.id = user_id WHERE ended_at IS NULL AND NOT active""",
    "a live session from before the credentials changed": """
        SELECT s.id FROM sessions s JOIN users u ON u.id = user_id
        WHERE ended_at IS NULL AND s.credential_version <> u.credential_version""",
    "a number that two people hold": """
        SELECT unique_index FROM enrollments WHERE confirmed_at IS NOT NULL AND unique_index IS NOT NULL
        GROUP BY unique_index HAVING count(*) > 1""",
    "an address that somebody has while another may get it back": """
        SELECT u.id FROM users u JOIN email_undos e USING (email_folded) WHERE e.user_id <> u.id AND e.expires_at > now()""",
    "a password-only session of somebody who had a factor by then, on a device that nobody trusts": """
        SELECT s.id FROM sessions s JOIN enrollments e USING (user_id) LEFT JOIN devices d ON d.id = s.device_id
        WHERE e.confirmed_at < s.created_at AND s.acr <> 'urn:gatehouse:mfa'
        AND coalesce(d.trusted_until < s.created_at, true) AND s.end_reason IS DISTINCT FROM 'device_forgotten'""",
}


async def refuse_halves(sql: asyncpg.Connection) -> None:
    for name, query in HALVES.items():
        assert not await sql.fetch(query), name
