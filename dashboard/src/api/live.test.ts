import { QueryClient } from '@tanstack/react-query';
import { afterEach, expect, test, vi } from 'vitest';

import { LiveHub, liveKey } from './live';

/** A server whose streams a test writes and breaks. */
function server() {
  const opened: { url: string; write: (text: string) => void; lose: () => void }[] = [];
  const encoder = new TextEncoder();
  vi.stubGlobal('sessionStorage', { getItem: () => null });
  vi.stubGlobal('localStorage', { getItem: () => null });
  vi.stubGlobal(
    'Request',
    class {
      readonly url: string;
      readonly signal: AbortSignal;
      readonly method = 'GET';
      readonly headers = new Headers();
      constructor(url: string, { signal }: { signal: AbortSignal }) {
        this.url = url;
        this.signal = signal;
      }
      clone() {
        return this;
      }
    },
  );
  vi.stubGlobal('fetch', async ({ url, signal }: { url: string; signal: AbortSignal }) => {
    const body = new ReadableStream<Uint8Array>({
      start(stream) {
        const write = (text: string) => stream.enqueue(encoder.encode(text));
        opened.push({ url, write, lose: () => stream.error(new TypeError('the connection is lost')) });
        signal.addEventListener('abort', () => stream.error(signal.reason));
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  return opened;
}

const progress = (done: number) => `event: progress\ndata: [{"campaignId":"cmp_1","done":${done}}]\n\n`;

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('what the stream tells lies in the cache, in however many pieces it comes', async () => {
  const [opened, cache] = [server(), new QueryClient()];
  const hub = new LiveHub(cache);
  const leave = hub.want({ progress: ['cmp_1'] });
  await vi.waitFor(() => expect(hub.state()).toBe('open'));
  expect(opened[0]?.url).toBe('/api/v1/live?progress=cmp_1');
  const text = `: hello\n\n${progress(7)}`;
  opened[0]?.write(text.slice(0, 30));
  opened[0]?.write(text.slice(30));
  await vi.waitFor(() => expect(cache.getQueryData(liveKey.progress('cmp_1'))).toMatchObject({ done: 7 }));
  leave();
  await vi.waitFor(() => expect(hub.state()).toBe('idle'));
});

test('all parts of a page share one stream, which another wish replaces', async () => {
  const opened = server();
  const hub = new LiveHub(new QueryClient());
  hub.want({ progress: ['cmp_1'] });
  const leave = hub.want({ campaign: 'cmp_2' });
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  expect(opened[0]?.url).toBe('/api/v1/live?campaign=cmp_2&progress=cmp_1');
  leave();
  await vi.waitFor(() => expect(opened.map(({ url }) => url).at(-1)).toBe('/api/v1/live?progress=cmp_1'));
  expect(opened).toHaveLength(2);
});

test('a lost stream is told, comes back, and what was missed is asked for', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const [opened, cache] = [server(), new QueryClient()];
  let asked = 0;
  await cache.fetchQuery({ queryKey: ['chart'], queryFn: () => ++asked, meta: { catchUp: true } });
  await cache.fetchQuery({ queryKey: ['other'], queryFn: () => 0 });
  const hub = new LiveHub(cache);
  const states: string[] = [];
  hub.subscribe(() => states.push(hub.state()));
  hub.want({ progress: ['cmp_1'] });
  await vi.advanceTimersByTimeAsync(50);
  opened[0]?.lose();
  await vi.advanceTimersByTimeAsync(10);
  expect(hub.state()).toBe('reconnecting');
  expect(cache.getQueryState(['chart'])?.isInvalidated).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  opened[1]?.write(progress(9));
  await vi.advanceTimersByTimeAsync(10);
  expect(states).toEqual(['connecting', 'open', 'reconnecting', 'open']);
  expect(cache.getQueryData(liveKey.progress('cmp_1'))).toMatchObject({ done: 9 });
  expect(cache.getQueryState(['chart'])?.isInvalidated).toBe(true);
  expect(cache.getQueryState(['other'])?.isInvalidated).toBe(false);
});

test('a stream that says nothing is lost', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const opened = server();
  const hub = new LiveHub(new QueryClient());
  hub.want({ fleet: true });
  await vi.advanceTimersByTimeAsync(20_000);
  opened[0]?.write(': still here\n\n');
  await vi.advanceTimersByTimeAsync(20_000);
  expect(hub.state()).toBe('open');
  await vi.advanceTimersByTimeAsync(5_500);
  expect(hub.state()).toBe('reconnecting');
});

test('what the API refuses is not asked for again; what stands before it is', async () => {
  const refusal = { success: false, data: null, message: 'no such campaign', meta: { code: 'NOT_FOUND' } };
  for (const [body, state] of [
    [JSON.stringify(refusal), 'idle'],
    ['404 page not found', 'reconnecting'],
  ] as const) {
    server();
    let asked = 0;
    vi.stubGlobal('fetch', async () => {
      asked += 1;
      return new Response(body, { status: 404 });
    });
    const hub = new LiveHub(new QueryClient());
    const leave = hub.want({ campaign: 'cmp_1' });
    await vi.waitFor(() => expect(asked).toBe(1));
    await vi.waitFor(() => expect(hub.state()).toBe(state));
    leave();
  }
});
