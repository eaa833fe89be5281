import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';

import { api, ask } from '../../api/client';
import { useLiveUpload } from '../../api/use-live';
import { type Upload, uploadQuery } from '../queries';
import { send } from './send';

/** One upload as the page follows it. */
export interface Following {
  upload: Upload | undefined;
  /** How much has been sent from here, in bytes; null while nothing is being sent. */
  sent: number | null;
  /** What keeps it from going on. */
  error: unknown;
  /** Begins another upload, and sends the file. */
  begin: (file: File) => void;
  /** Goes on sending one that was broken off, with the same file. */
  goOn: (file: File) => void;
}

/** Follows an upload, and sends a file to it; `onBegun` is told its id, to keep it in the page's address. */
export function useUpload(id: string | undefined, onBegun: (id: string) => void): Following {
  const cache = useQueryClient();
  const asked = useQuery({ ...uploadQuery(id ?? ''), enabled: id !== undefined });
  const live = useLiveUpload(id ?? null);
  const [sent, setSent] = useState<number | null>(null);
  const [refused, setRefused] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  const sending = useMutation({
    mutationFn: async ({ to, file }: { to: Upload; file: File }) => {
      stop.current = new AbortController();
      setSent(to.offset);
      await send(to, file, setSent, stop.current.signal);
      await cache.invalidateQueries({ queryKey: uploadQuery(to.id).queryKey });
    },
    onSettled: () => setSent(null),
  });
  const beginning = useMutation({
    mutationFn: (file: File) =>
      ask(api.POST('/api/v1/uploads', { body: { filename: file.name, bytes: file.size } })) as Promise<Upload>,
    onSuccess: (made, file) => {
      onBegun(made.id);
      sending.mutate({ to: made, file });
    },
  });
  const newest = [asked.data, live].filter((it) => it !== undefined);
  const upload = newest.sort((a, b) => rank(b) - rank(a))[0];
  return {
    upload: id === undefined ? undefined : upload,
    sent,
    error: refused ?? beginning.error ?? sending.error ?? (id === undefined ? null : asked.error),
    begin: (file) => {
      setRefused(file.size === 0 ? new Error('This file is empty.') : null);
      if (file.size > 0) beginning.mutate(file);
    },
    goOn: (file) => {
      const isOther = upload?.bytes != null && file.size !== upload.bytes;
      setRefused(isOther ? new Error(`This is another file: ${upload.filename} has ${upload.bytes} bytes.`) : null);
      if (upload && !isOther) sending.mutate({ to: upload, file });
    },
  };
}

/** The stream and an answer may overtake each other: what has come further is the newer one, as is what was looked through later. */
function rank({ status, validatedAt, bytesRead, offset }: Upload): number {
  const at = validatedAt ? Date.parse(validatedAt) : 0;
  const isOver = status === 'READY' || status === 'FAILED' ? 2 : status === 'VALIDATING' ? 1 : 0;
  return at * 1e3 + isOver + (bytesRead + offset) / 1e12;
}
