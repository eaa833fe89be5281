import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';

import { download } from '../api/download';
import { Menu } from './Menu';
import { ErrorNote } from './Note';

/** Saves what a list shows, as one of several kinds of file. */
export function ExportMenu({ files }: { files: readonly { label: string; path: string; filename: string }[] }) {
  const save = useMutation({
    mutationFn: ({ path, filename }: { path: string; filename: string }) => download(path, filename),
  });
  return (
    <>
      <Menu
        trigger={
          <>
            <Download aria-hidden />
            {save.isPending ? 'Exporting…' : 'Export'}
          </>
        }
        choices={files.map(({ label, ...file }) => ({ label, onChoose: () => save.mutate(file) }))}
      />
      <ErrorNote error={save.error} />
    </>
  );
}
