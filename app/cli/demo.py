"""`gatehouse demo`: the whole journey against a running development server, each step printed as it is done."""

import os
import re
import time
from typing import Annotated, Any

import httpx
import typer

from app.crypto.chance import below, random_bytes
from app.settings.http import HttpSettings

_DESCRIBED = ("status", "code", "delivery", "acr", "mfa_enabled")
_PATIENCE = 50
_ID = re.compile(r"[0-9a-f-]{36}")


class Visitor:
    """A person with a mailbox and a phone, both of which are the dev inbox."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._number = 0
        self.token: str | None = None

    def step(self, title: str, method: str, path: str, body: dict[str, Any] | None = None, *, want: int = 200) -> Any:  # noqa: ANN401  JSON
        """Send one request and print the step; exit with a message if the answer's status is not *want*."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self._client.request(method, path, json=body, headers=headers)
        content = answer.json() if answer.content else {}
        told = ", ".join(
            f"{name} {content[name]}" for name in _DESCRIBED if content.get(name) not in {None, answer.status_code}
        )
        shown = _ID.sub("{id}", path)
        self._number += 1
        typer.echo(f"{self._number:2}  {title:<44} {method:<4} {shown:<26} {answer.status_code}  {told}")
        if answer.status_code != want:
            typer.echo(f"Expected {want}. The request id is {answer.headers.get('x-request-id')}.", err=True)
            raise typer.Exit(1)
        return content

    def code(self, to: str, purpose: str) -> str:
        """Return the newest code that came for *to*, waiting some seconds: a mail may take a moment."""
        for _ in range(_PATIENCE):
            items = self._client.get("/dev/inbox", params={"to": to}).raise_for_status().json()["items"]
            codes: list[str] = [item["code"] for item in items if item["purpose"] == purpose]
            if codes:
                typer.echo(f"      {to} got the code {codes[0]}")
                return codes[0]
            time.sleep(0.1)
        typer.echo(f"No {purpose} code came for {to}.", err=True)
        raise typer.Exit(1)


def demo(
    base_url: Annotated[
        str,
        typer.Option(
            help="A server that runs with GATEHOUSE_ENVIRONMENT=development.",
            show_default="this machine, GATEHOUSE_HTTP__PORT",
        ),
    ] = "",
) -> None:
    """Drive the whole journey against a running development server and print each step."""
    base_url = base_url or f"http://127.0.0.1:{os.environ.get('GATEHOUSE_HTTP__PORT') or HttpSettings().port}"
    try:
        with httpx.Client(base_url=base_url, timeout=15) as client:
            _journey(Visitor(client))
    except httpx.HTTPError as error:
        typer.echo(f"No answer from {base_url} ({type(error).__name__}): start it with `make run`.", err=True)
        raise typer.Exit(1) from None


def _journey(ada: Visitor) -> None:
    email, phone = f"ada.{random_bytes(4).hex()}@example.test", f"+1202555{below(10_000):04}"
    person = {"email": email, "password": "correct horse battery staple"}
    _sign_up(ada, person)
    begun = ada.step("sign in: no second factor yet", "POST", "/login", person)
    ada.token = begun.get("access_token") or begun["enrollment_token"]
    _enrol(ada, phone)
    ada.step("sign out", "POST", "/logout", {}, want=204)
    ada.token = ada.step("sign in again: the password is not enough", "POST", "/login", person)["mfa_token"]
    ada.step("the pending token opens nothing else", "GET", "/me", want=401)
    session = ada.step("answer with the SMS code", "POST", "/verify-otp", {"code": ada.code(phone, "sign_in")})
    ada.token = session["access_token"]
    ada.step("who am I", "GET", "/me")
    ada.step("what does my token say", "GET", "/session")
    renewed = ada.step("keep the session", "POST", "/token/refresh", {"refresh_token": session["refresh_token"]})
    ada.token = renewed["access_token"]
    ada.step("sign out", "POST", "/logout", {}, want=204)
    time.sleep(1)  # by then every worker knows
    ada.step("the access token is dead", "GET", "/session", want=401)
    typer.echo("The whole journey went well.")


def _sign_up(ada: Visitor, person: dict[str, str]) -> None:
    registration = ada.step("sign up", "POST", "/register", person, want=202)["registration_id"]
    proof = {"registration_id": registration, "code": ada.code(person["email"], "verify_email")}
    ada.step("confirm the address", "POST", "/verify-email", proof, want=204)


def _enrol(ada: Visitor, phone: str) -> None:
    request = {"factor": "sms", "phone_number": phone}
    factor = ada.step("enrol a phone", "POST", "/me/factors", request, want=201)["id"]
    proof = {"code": ada.code(phone, "confirm")}
    ada.token = ada.step("confirm the phone", "POST", f"/me/factors/{factor}/confirm", proof)["access_token"]
