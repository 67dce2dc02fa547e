// What the scripts here share: the arguments, a report, and errors as values.

import { ApiError } from "./client.js";

declare const process: {
  argv: string[];
  stdout: { write(text: string): void };
};

export const [, , url = "", transport = "http"] = process.argv;

export function report(result: unknown): void {
  process.stdout.write(JSON.stringify(result));
}

/** What a call is rejected with. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    return { result: await call };
  } catch (error) {
    if (error instanceof ApiError) {
      const { operation, status, code, message, errors } = error;
      return { operation, status, code, message, errors };
    }
    return String(error);
  }
}
