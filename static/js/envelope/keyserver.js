/** One request to the key server (API.md, «For envelopes»); knows nothing of what it is about. */

import { NoAnswerError, RefusedError } from "./errors.js";

const TIMEOUT = 20_000; // milliseconds

/** POST `body` as JSON. @returns {Promise<object>} the answer @throws {RefusedError|NoAnswerError} */
export async function post(address, body) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT);
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "text/plain" }, // no preflight: browsers do not remember one for a file
      body: JSON.stringify(body),
      credentials: "omit",
      redirect: "error",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal: abort.signal,
    });
    return answerOf(response.ok, await response.text());
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    throw new NoAnswerError(navigator.onLine !== false);
  } finally {
    clearTimeout(timer);
  }
}

/** What the server says; whatever is not JSON comes from something broken in between. */
function answerOf(isOk, text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new RefusedError("server-error");
  }
  if (isOk) return answer;
  throw new RefusedError(typeof answer?.code === "string" ? answer.code : "server-error", answer ?? {});
}
