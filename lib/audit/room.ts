/** Those that wait for room in a spool rather than fill it. */
export class RoomQueue {
  readonly #now: () => number;
  #waiting: (() => void)[] = [];
  #takenAt: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#takenAt = now();
  }

  ask(done: () => void): void {
    this.#waiting.push(done);
  }

  /** The Auth Service has taken something. */
  taken(): void {
    this.#takenAt = this.#now();
  }

  /** Lets all go on where there is room, or where none is to be expected. */
  give(isRoomy: boolean): void {
    if (this.#waiting.length === 0) return;
    if (!isRoomy && this.#now() - this.#takenAt < patienceMs) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}

/** When the Auth Service takes nothing for so long, the spool is used up to its limit. */
const patienceMs = 5_000;
