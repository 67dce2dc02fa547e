// Shared by the scripts: the arguments, the report, and errors as values.

import { ApiError } from "./client.js";

declare const process: {
  argv: string[];
  stdout: { write(text: string): void };
};

export const [, , url = "", transport = "http"] = process.argv;

export function report(result: unknown): void {
  process.stdout.write(JSON.stringify(result));
}

/** The error that rejects a call. */
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
