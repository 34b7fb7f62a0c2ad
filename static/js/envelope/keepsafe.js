/** What this browser keeps from one visit to the next; knows nothing of envelopes. */

const DATABASE = "sealpost";
const STORE = "envelopes";
const PATIENCE = 2_000; // milliseconds: a browser that keeps nothing may also never answer

export const get = (id) => run("readonly", (store) => store.get(id));
export const all = () => run("readonly", (store) => store.getAll());
export const put = (entry) => run("readwrite", (store) => store.put(entry));
export const remove = (id) => run("readwrite", (store) => store.delete(id));

/** @throws whatever the browser says, or when it says nothing */
function run(mode, act) {
  return Promise.race([transact(mode, act), silence()]);
}

async function transact(mode, act) {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
  const database = await done(opening);
  try {
    return await done(act(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function silence() {
  return new Promise((_, reject) => setTimeout(reject, PATIENCE));
}
