import { skipToken, useQueries, useQuery } from '@tanstack/react-query';
import { createContext, use, useEffect, useSyncExternalStore } from 'react';

import type { Fleet, LiveCalls, LiveCampaign, LiveProgress } from './contract';
import { type LiveHub, type LiveState, liveKey } from './live';
import type { components } from './schema';
import type { Topics } from './topics';

type Upload = components['schemas']['UploadDetail'];

/** Holds the stream of the page. */
export const LiveContext = createContext<LiveHub | null>(null);

/** Asks for topics while the component is there. */
function useWant(topics: Topics): void {
  const hub = use(LiveContext);
  const written = JSON.stringify(topics);
  useEffect(() => hub?.want(JSON.parse(written) as Topics), [hub, written]);
}

/** What lies under a key of the cache; undefined until the stream has brought it. */
function useNewest<T>(queryKey: readonly unknown[]): T | undefined {
  return useQuery<T>({ queryKey, queryFn: skipToken, staleTime: Number.POSITIVE_INFINITY }).data;
}

/** One campaign as it stands now. */
export function useLiveCampaign(id: string): LiveCampaign | undefined {
  useWant({ campaign: id });
  return useNewest(liveKey.campaign(id));
}

/** The progress of campaigns, by their ids; those of which nothing has come yet are missing. */
export function useLiveProgress(ids: readonly string[]): ReadonlyMap<string, LiveProgress> {
  useWant({ progress: ids });
  const queries = ids.map((id) => ({ queryKey: liveKey.progress(id), queryFn: skipToken as typeof skipToken }));
  const found = useQueries({ queries }).map((it) => it.data as LiveProgress | undefined);
  return new Map(found.filter((it) => it !== undefined).map((it) => [it.campaignId, it]));
}

/** Calls that ring or talk: all of the workspace, or of one campaign. */
export function useLiveCalls(which: true | string): LiveCalls | undefined {
  useWant({ calls: which });
  return useNewest(liveKey.calls());
}

/** Workers and lanes. */
export function useLiveFleet(): Fleet | undefined {
  useWant({ fleet: true });
  return useNewest(liveKey.fleet());
}

/** An upload on its way; null asks for none. */
export function useLiveUpload(id: string | null): Upload | undefined {
  useWant({ uploads: id === null ? [] : [id] });
  return useNewest(liveKey.upload(id ?? ''));
}

/** How the stream stands. */
export function useLiveState(): LiveState {
  const hub = use(LiveContext);
  return useSyncExternalStore(
    (changed) => hub?.subscribe(changed) ?? (() => {}),
    () => hub?.state() ?? 'idle',
  );
}
