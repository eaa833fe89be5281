import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import type { ReactNode } from 'react';

import { download } from '../api/download';
import { Button } from './Button';
import { ErrorNote } from './Note';

/** Saves a file of the API. */
export function DownloadButton({ path, filename, children }: { path: string; filename: string; children: ReactNode }) {
  const save = useMutation({ mutationFn: () => download(path, filename) });
  return (
    <>
      <Button isPending={save.isPending} onClick={() => save.mutate()}>
        <Download aria-hidden />
        {children}
      </Button>
      <ErrorNote error={save.error} />
    </>
  );
}
