// Verifies what Gatehouse issues by nothing but its published keys: node verify.mjs ISSUER, tokens as JSON on standard input.
import { text } from "node:stream/consumers";
import { compactVerify, createRemoteJWKSet, jwtVerify } from "jose";

const issuer = process.argv[2];
const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", issuer));
const algorithms = ["ES256", "EdDSA", "PS256"];
const requiredClaims = ["sub", "sid", "jti", "iat", "exp", "auth_time", "acr", "amr", "scope", "client_id"];

async function readToken(token) {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer, audience: issuer, typ: "at+jwt", algorithms, requiredClaims,
  });
  return { header: protectedHeader, claims: payload };
}

async function readFeed(document) {
  const { payload, protectedHeader } = await compactVerify(document, keys, { algorithms });
  const claims = JSON.parse(new TextDecoder().decode(payload));
  if (protectedHeader.typ !== "revocations+jwt" || claims.iss !== issuer || claims.exp <= Date.now() / 1000) {
    throw Object.assign(new Error("not the feed"), { code: "NOT_THE_FEED" });
  }
  return { header: protectedHeader, claims };
}

async function outcome(read, text) {
  try {
    return await read(text);
  } catch (error) {
    return { refused: error.code ?? String(error) };
  }
}

const { tokens } = JSON.parse(await text(process.stdin));
const feed = await (await fetch(new URL("/sessions/revocations", issuer))).text();
const told = { feed: await outcome(readFeed, feed), feed_as_token: await outcome(readToken, feed) };
for (const [name, token] of Object.entries(tokens)) {
  told[name] = await outcome(readToken, token);
  told[`${name}_as_feed`] = await outcome(readFeed, token);
}
console.log(JSON.stringify(told));
