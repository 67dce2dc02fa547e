// The class that the browser build of metacom 3.2 imports from metautil, which does not have it.

export class EventEmitter {
  #listeners = new Map();

  getMaxListeners() {
    return 10;
  }

  listenerCount(name) {
    return this.#listeners.get(name)?.size ?? 0;
  }

  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
  }

  removeListener(name, listener) {
    this.#listeners.get(name)?.delete(listener);
  }

  once(name, listener) {
    const once = (...values) => {
      this.removeListener(name, once);
      listener(...values);
    };
    this.on(name, once);
  }

  emit(name, ...values) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(...values);
  }

  static once(emitter, name) {
    return new Promise((resolve) => emitter.once(name, resolve));
  }
}
