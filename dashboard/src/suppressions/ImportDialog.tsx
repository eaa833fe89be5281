import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { asProblem } from '../api/problem';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Dropzone } from '../ui/Dropzone';
import { TextField } from '../ui/Field';
import { FieldErrors } from '../ui/FieldErrors';
import { count, counted } from '../ui/format';
import { ErrorNote, Note } from '../ui/Note';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
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
  const [column, setColumn] = useState('');
  const [file, setFile] = useState<File | null>(null);
  const send = useMutation({
    mutationFn: (chosen: File) => suppressFile(chosen, column.trim()),
    onMutate: setFile,
    onSuccess: (done) => {
      // Who has closed the dialog meanwhile hears of it as well.
      toast(`${counted(done.accepted, 'number is', 'numbers are')} on the list`);
      return cache.invalidateQueries({ queryKey: ['suppressions'] });
    },
  });
  const { data } = send;
  const isOfColumn = send.error !== null && asProblem(send.error).field === 'column';
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
      <ErrorNote
        error={isOfColumn ? null : send.error}
        onRetry={file && send.error && asProblem(send.error).isPassing ? () => send.mutate(file) : undefined}
      />
      {send.isPending && (
        <div role="status">
          <Note>The file is read. Numbers get on the list as they are found, also when you close this.</Note>
        </div>
      )}
      {!send.isPending && !data && (
        <FieldErrors error={send.error}>
          <Dropzone title="Drop a CSV file here" onFile={(chosen) => send.mutate(chosen)}>
            One number a row, with its country code. Columns channel, reason, source and expires_at are read where they
            are there.
          </Dropzone>
          <TextField
            label="Column with the numbers"
            path="column"
            isOptional
            hint="Empty is the one called to, phone, number or mobile."
            value={column}
            onChange={setColumn}
          />
          {file && column.trim() !== '' && (
            <div>
              <Button onClick={() => send.mutate(file)}>Read {file.name} again</Button>
            </div>
          )}
        </FieldErrors>
      )}
      {data && (
        <div role="status">
          <Note tone={data.rejected > 0 ? 'warn' : 'good'}>
            {counted(data.accepted, 'number is', 'numbers are')} on the list.{' '}
            {data.rejected > 0 && `${counted(data.rejected, 'row was', 'rows were')} not taken.`}
            {data.rejects.length < data.rejected && ` The first ${count(data.rejects.length)} of them:`}
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
