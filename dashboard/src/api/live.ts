import type { QueryClient } from '@tanstack/react-query';
import { createParser } from 'eventsource-parser';

import { fetchRaw } from './client';
import type { LiveEvents } from './contract';
import { asProblem, type Problem } from './problem';
import { queryOf, type Topics } from './topics';

/** How the stream stands, for the note at the top of the page. */
export type LiveState = 'idle' | 'connecting' | 'open' | 'reconnecting';

/** The server says something at least every 10 s; after this silence the connection is dead, in milliseconds. */
const SILENCE = 25_000;
/** Waits before connecting again, in milliseconds; the last one holds for all further ones. */
const WAITS = [1_000, 2_000, 4_000, 8_000, 15_000];
/** Parts of a page come and go together; the stream is changed once, in milliseconds. */
const SETTLE = 30;

/** Where a topic's newest state lies in the query cache. */
export const liveKey = {
  campaign: (id: string) => ['live', 'campaign', id] as const,
  progress: (id: string) => ['live', 'progress', id] as const,
  calls: () => ['live', 'calls'] as const,
  fleet: () => ['live', 'fleet'] as const,
  upload: (id: string) => ['live', 'upload', id] as const,
};

/** The one stream of a page: it asks for what the page's parts want and puts what comes into the query cache. */
export class LiveHub {
  private readonly cache: QueryClient;
  private readonly wanted = new Set<Topics>();
  private readonly listeners = new Set<() => void>();
  private asked = '';
  private stop = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private now: LiveState = 'idle';

  /** Whether nobody sees the page: behind another tab, or left and kept by the browser for the way back. */
  private isAway = false;
  /** Whether something may have been missed since. */
  private wasAway = false;

  constructor(cache: QueryClient) {
    this.cache = cache;
    // A browser has six connections to a server (HTTP/1.1): pages that nobody sees leave theirs to the others.
    globalThis.document?.addEventListener('visibilitychange', () => this.away(document.hidden));
    globalThis.window?.addEventListener('pagehide', () => this.away(true));
    globalThis.window?.addEventListener('pageshow', () => this.away(document.hidden));
  }

  private away(isAway: boolean): void {
    this.isAway = isAway;
    this.wasAway ||= isAway;
    if (isAway) this.ask();
    else this.settle();
  }

  /** How it stands. */
  state = (): LiveState => this.now;

  /** Calls back when {@link state} changes. */
  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Asks for these topics until the function it returns is called. */
  want(topics: Topics): () => void {
    this.wanted.add(topics);
    this.settle();
    return () => {
      this.wanted.delete(topics);
      this.settle();
    };
  }

  private settle(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), SETTLE);
  }

  private ask(): void {
    const query = this.isAway ? '' : queryOf(this.wanted);
    if (query === this.asked) return;
    this.asked = query;
    this.stop.abort();
    this.stop = new AbortController();
    if (query === '') this.become('idle');
    else void this.run(query, this.stop.signal);
  }

  private become(state: LiveState): void {
    if (state === this.now) return;
    this.now = state;
    for (const listener of this.listeners) listener();
  }

  /** Reads the stream, and another one after each that is lost, until it is not wanted any more. */
  private async run(query: string, stop: AbortSignal): Promise<void> {
    let losses = 0;
    this.become('connecting');
    while (!stop.aborted) {
      try {
        await this.read(query, stop, () => {
          // While it was gone, things were missed that no event repeats, like the points of a chart.
          if (losses > 0 || this.wasAway)
            void this.cache.invalidateQueries({ predicate: (it) => it.meta?.catchUp === true });
          losses = 0;
          this.wasAway = false;
          this.become('open');
        });
      } catch (error) {
        if (isFinal(asProblem(error))) return this.become('idle');
      }
      if (stop.aborted) return;
      this.become('reconnecting');
      await pause(WAITS[Math.min(losses, WAITS.length - 1)] ?? 0, stop);
      losses += 1;
    }
  }

  private async read(query: string, stop: AbortSignal, opened: () => void): Promise<void> {
    const dead = new AbortController();
    let watchdog = setTimeout(() => dead.abort(), SILENCE);
    try {
      const signal = AbortSignal.any([stop, dead.signal]);
      const answer = await fetchRaw(`/api/v1/live?${query}`, { signal, headers: { Accept: 'text/event-stream' } });
      opened();
      const parser = createParser({
        onEvent: ({ event, data }) => this.put(event as keyof LiveEvents, JSON.parse(data)),
      });
      const text = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await text?.read(); part && !part.done; part = await text?.read()) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => dead.abort(), SILENCE);
        parser.feed(part.value);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  /** Puts a topic's newest state where the page reads it. */
  private put = <E extends keyof LiveEvents>(event: E, data: LiveEvents[E]): void => {
    const set = (key: readonly unknown[], value: unknown) => void this.cache.setQueryData(key, value);
    const puts: { [K in keyof LiveEvents]: (data: LiveEvents[K]) => void } = {
      campaign: (it) => set(liveKey.campaign(it.campaignId), it),
      progress: (all) => {
        for (const it of all) set(liveKey.progress(it.campaignId), it);
      },
      calls: (it) => set(liveKey.calls(), it),
      fleet: (it) => set(liveKey.fleet(), it),
      uploads: (all) => {
        for (const it of all) set(liveKey.upload(it.id), it);
      },
    };
    puts[event]?.(data);
  };
}

/** Whether the API itself has said that there is nothing to be seen; whatever stands before it may say the same while it starts anew. */
const isFinal = ({ status, code }: Problem): boolean =>
  [400, 401, 403, 404, 422].includes(status) && code !== 'UNREADABLE';

/** Waits; cut short when there is nothing to wait for any more, or the browser is online again. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const now = () => {
      clearTimeout(timer);
      resolve();
    };
    stop.addEventListener('abort', now, { once: true });
    globalThis.addEventListener?.('online', now, { once: true, signal: stop });
  });
}
