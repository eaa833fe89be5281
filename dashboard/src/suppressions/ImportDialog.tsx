import { useMutation, useQueryClient } from '@tanstack/react-query';

import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Dropzone } from '../ui/Dropzone';
import { counted } from '../ui/format';
import { ErrorNote, Note } from '../ui/Note';
import { type Column, Table } from '../ui/Table';
import { type SuppressionUpload, suppressFile } from './queries';

type Reject = SuppressionUpload['rejects'][number];

const COLUMNS: Column<Reject>[] = [
  { name: 'Line', isNumber: true, cell: ({ line }) => line },
  { name: 'Column', cell: ({ field }) => field },
  { name: 'Value', cell: ({ value }) => <code>{value}</code> },
  { name: 'Why not', cell: ({ reason }) => reason },
];

/** Puts the numbers of a file on the list. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const send = useMutation({
    mutationFn: suppressFile,
    onSuccess: () => cache.invalidateQueries({ queryKey: ['suppressions'] }),
  });
  const { data } = send;
  return (
    <Dialog
      title="Import a file"
      isWide
      onClose={onClose}
      actions={
        <Button variant={data ? 'primary' : 'secondary'} onClick={onClose}>
          Close
        </Button>
      }
    >
      <ErrorNote error={send.error} />
      {send.isPending ? (
        <Note>The file is read. Numbers get on the list as they are found.</Note>
      ) : (
        !data && (
          <Dropzone title="Drop a CSV file here" onFile={(file) => send.mutate(file)}>
            One number a row, with its country code. Columns channel, reason, source and expires_at are read where they
            are there.
          </Dropzone>
        )
      )}
      {data && (
        <div role="status">
          <Note tone={data.rejected > 0 ? 'warn' : 'good'}>
            {counted(data.accepted, 'number is', 'numbers are')} on the list.{' '}
            {data.rejected > 0 && `${counted(data.rejected, 'row was', 'rows were')} not taken.`}
          </Note>
        </div>
      )}
      {data && data.rejects.length > 0 && (
        <Table
          caption="Rows that were not taken"
          columns={COLUMNS}
          rows={data.rejects}
          keyOf={({ line, field }) => `${line} ${field}`}
        />
      )}
    </Dialog>
  );
}
