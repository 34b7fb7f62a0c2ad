/** One request to the key server (API.md, «For envelopes»); knows nothing of what it is about. */

import { NoAnswerError, RefusedError } from "./errors.js";

const TIMEOUT = 20_000; // milliseconds

/** POST `body` as JSON. @returns {Promise<object>} the answer @throws {RefusedError|NoAnswerError} */
export async function post(address, body, timeout = TIMEOUT) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const response = await send(address, body, abort.signal);
    return answerOf(response.ok, await response.text());
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    throw new NoAnswerError(navigator.onLine !== false);
  } finally {
    clearTimeout(timer);
  }
}

/** The bare request. */
export function send(address, body, signal) {
  return fetch(address, {
    method: "POST",
    headers: { "Content-Type": "text/plain" }, // no preflight: browsers do not remember one for a file
    body: JSON.stringify(body),
    credentials: "omit",
    redirect: "error",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    signal,
  });
}

/** What the server says; whatever is not JSON comes from something broken in between. */
export function answerOf(isOk, text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new RefusedError("server-error");
  }
  if (isOk) return answer;
  throw new RefusedError(typeof answer?.code === "string" ? answer.code : "server-error", answer ?? {});
}
