/** A pause that can be ended early, and a wait that can be given up. */

export class Alarm {
  constructor() {
    this.stopped = false;
    this.rung = false;
    this.wake = () => {};
  }

  /** End the pause that is on, or the next one: what rang in between is not lost. */
  ring() {
    this.rung = true;
    this.wake();
  }

  /** End it for good. */
  stop() {
    this.stopped = true;
    this.ring();
  }

  async sleep(milliseconds) {
    if (!this.rung) await this.pause(milliseconds);
    this.rung = false;
  }

  pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
