"""Stories that change a user's e-mail address, and that undo such a change."""

from app.flows.change_email import ChangeEmail
from app.flows.undo_email import UndoEmail
from app.tools import Tools
from app.watch.limits import Limit
from app.wiring.shared import Shared, mail_limit, mailbox_limit


def change_email(tools: Tools, shared: Shared) -> ChangeEmail:
    rules = tools.settings.email_change
    return ChangeEmail(
        settings=rules,
        database=tools.database,
        clock=tools.clock,
        fingerprints=tools.fingerprints,
        proof=shared.proof,
        limit=mailbox_limit(tools, "email change mails", rules.mails),
        user_limit=mail_limit(tools, "email change mails of a user", rules.user_mails),
        tries=Limit("email changes of a user", rules.user_tries, database=tools.database, vault=tools.vault),
        letters=tools.letters,
        mails=tools.mails,
        background=tools.background,
        undo_links=tools.undo_links,
        ended=shared.ended,
    )


def undo_email(tools: Tools, shared: Shared) -> UndoEmail:
    return UndoEmail(tools.database, tools.clock, shared.ended)
