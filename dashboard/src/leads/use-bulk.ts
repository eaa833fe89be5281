import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';

import type { BulkLead } from './bulk';
import { keepLeads } from './queries';

/** So many are sent at once: with all the attributes they may have they stay below what one request may hold. */
const PART = 400;

/** Somebody who was not taken, and why. */
export interface Reject {
  line: number;
  number: string;
  why: string;
}

/** What has become of a file so far. */
export interface BulkResult {
  sent: number;
  created: number;
  updated: number;
  rejects: readonly Reject[];
}

const NOTHING: BulkResult = { sent: 0, created: 0, updated: 0, rejects: [] };

/** Sends leads part by part. Sent again after a failure, it goes on where it stood; what was sent twice changes nothing. */
export function useBulk() {
  const [result, setResult] = useState(NOTHING);
  const cache = useQueryClient();
  const stop = useRef(new AbortController());
  useEffect(() => {
    // Whoever closes the dialog wants no more to be sent.
    const controller = new AbortController();
    stop.current = controller;
    return () => controller.abort();
  }, []);
  const send = useMutation({
    mutationFn: async (leads: readonly BulkLead[]) => {
      let so = result;
      while (so.sent < leads.length && !stop.current.signal.aborted) {
        const part = leads.slice(so.sent, so.sent + PART);
        const kept = await keepLeads(
          part.map(({ lead }) => lead),
          stop.current.signal,
        );
        const rejects = kept.results.filter(({ status }) => status === 'rejected');
        so = {
          sent: so.sent + part.length,
          created: so.created + kept.created,
          updated: so.updated + kept.updated,
          rejects: [...so.rejects, ...rejects.map((it) => rejectOf(part[it.index], it.reason))],
        };
        setResult(so);
      }
    },
    onSettled: () => cache.invalidateQueries({ queryKey: ['leads'] }),
  });
  return { send, result };
}

const rejectOf = (of: BulkLead | undefined, why: string | null | undefined): Reject => ({
  line: of?.line ?? 0,
  number: of?.lead.number ?? '',
  why: why ?? 'The server does not say why.',
});
