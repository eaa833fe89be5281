/** Why something was refused or could not be asked, in the API's own words where it has answered. */
export class Problem extends Error {
  /** The status of the answer; 0 where there was none. */
  readonly status: number;
  /** Stable; docs/API.md lists them. */
  readonly code: string;
  /** Path of the field at fault, like `channels[0].attempts`. */
  readonly field: string | null;
  readonly meta: Readonly<Record<string, unknown>>;
  /** By which the server's log knows the request. */
  readonly requestId: string | null;

  constructor(
    status: number,
    code: string,
    message: string,
    rest: { meta?: Record<string, unknown>; requestId?: string | null } = {},
  ) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.meta = rest.meta ?? {};
    this.field = typeof this.meta.field === 'string' ? this.meta.field : null;
    this.requestId = rest.requestId ?? null;
  }

  /** Whether asking again may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }

  /** How long the server asks to be left alone, in milliseconds. */
  get retryAfter(): number | null {
    const seconds = this.meta.retryAfterSeconds;
    return typeof seconds === 'number' ? seconds * 1000 : null;
  }
}

/** What an answer that is no success says. */
export function problemOf(response: Response, body: unknown): Problem {
  const requestId = response.headers.get('x-request-id');
  if (isRefusal(body)) {
    return new Problem(response.status, body.meta.code, body.message, { meta: body.meta, requestId });
  }
  return new Problem(response.status, 'UNREADABLE', `The server answered ${response.status} without saying why.`, {
    requestId,
  });
}

/** Whatever was thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) {
    return new Problem(0, 'OFFLINE', 'The server does not answer. Is it running, and are you online?');
  }
  return new Problem(0, 'UNEXPECTED', error instanceof Error ? error.message : String(error));
}

function isRefusal(body: unknown): body is { message: string; meta: { code: string } & Record<string, unknown> } {
  if (typeof body !== 'object' || body === null) return false;
  const { message, meta } = body as { message?: unknown; meta?: { code?: unknown } | null };
  return typeof message === 'string' && typeof meta?.code === 'string';
}
