"""Words for a person: a template in their language, the brand, and the code if there is one."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from app.messages import Channel, Draft, Message, Purpose
from app.store.outbox import Notice
from app.texts import Texts


@dataclass(frozen=True)
class Letters:
    brand: str
    code_life: timedelta
    texts: Texts

    def code(self, draft: Draft, *, purpose: Purpose, locale: str) -> Message:
        """The message that carries a factor's code; it is worth nothing once the code has expired."""
        minutes = str(max(1, int(self.code_life.total_seconds() // 60)))
        template = f"{purpose}_mail" if draft.channel is Channel.EMAIL else purpose
        text = self.texts.render(template, locale=locale, brand=self.brand, code=draft.code, minutes=minutes)
        return Message(
            draft.channel,
            draft.to,
            purpose,
            text.body,
            subject=text.subject,
            code=draft.code,
            lifetime=self.code_life,
            region=draft.region,
        )

    def verification(self, email: str, code: str, *, locale: str, template: str = Purpose.VERIFY_EMAIL) -> Message:
        text = self.texts.render(template, locale=locale, brand=self.brand, code=code)
        return Message(Channel.EMAIL, email, Purpose.VERIFY_EMAIL, text.body, subject=text.subject, code=code)

    def enrolment(self, email: str, code: str, *, locale: str) -> Message:
        text = self.texts.render("enroll", locale=locale, brand=self.brand, code=code)
        return Message(Channel.EMAIL, email, Purpose.ENROLL, text.body, subject=text.subject, code=code)

    def reset(self, email: str, token: str, *, page: str, life: timedelta, locale: str) -> Message:
        """The link to *page*: its fragment carries the token, so no server and no Referer ever sees it."""
        text = self.texts.render("reset_password", locale=locale, brand=self.brand, link=_link(page, token))
        return Message(Channel.EMAIL, email, Purpose.RESET, text.body, subject=text.subject, code=token, lifetime=life)

    def undo(self, notice: Notice, token: str, *, page: str, life: timedelta) -> Message:
        """As `reset`: the notice of a change that the link to *page* undoes."""
        link, hours = _link(page, token), str(max(1, int(life.total_seconds() // 3600)))
        text = self.texts.render(notice.template, locale=notice.locale, brand=self.brand, link=link, hours=hours)
        to, subject = notice.recipient, text.subject
        return Message(Channel.EMAIL, to, Purpose.NOTICE, text.body, subject=subject, code=token, lifetime=life)

    def notice(self, email: str, template: str, *, locale: str, **words: str) -> Message:
        text = self.texts.render(template, locale=locale, brand=self.brand, **words)
        return Message(Channel.EMAIL, email, Purpose.NOTICE, text.body, subject=text.subject)

    def sms_notice(self, phone: str, template: str, *, locale: str, region: str = "") -> Message:
        text = self.texts.render(template, locale=locale, brand=self.brand)
        return Message(Channel.SMS, phone, Purpose.NOTICE, text.body, region=region)

    def posted(self, notice: Notice) -> Message:
        return self.notice(notice.recipient, notice.template, locale=notice.locale, **notice.words)


def _link(page: str, token: str) -> str:
    return f"{page}#token={quote(token, safe='')}"
