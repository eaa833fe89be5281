import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Dropzone } from '../ui/Dropzone';
import { Select } from '../ui/Field';
import { count, counted } from '../ui/format';
import { ErrorNote, Note } from '../ui/Note';
import { Progress } from '../ui/Progress';
import { type Column, Table } from '../ui/Table';
import { type FileColumn, fileOf, type LeadFile, leadsOf, type Meaning, wrongWith } from './bulk';
import { parseCsv, textOf } from './csv';
import styles from './Leads.module.css';
import { type BulkResult, type Reject, useBulk } from './use-bulk';

/** Most people of one file; it is read into memory. */
const MOST = 100_000;
/** Most refusals that are shown. */
const SHOWN = 100;

/** Makes leads of the rows of a file, or adds to those whose numbers are known. */
export function BulkDialog({ onClose }: { onClose: () => void }) {
  const [file, setFile] = useState<LeadFile | null>(null);
  const { send, result } = useBulk();
  const read = useMutation({
    mutationFn: async (chosen: File) => fileOf(chosen.name, parseCsv(textOf(await chosen.arrayBuffer()))),
    onSuccess: setFile,
  });
  const isBegun = send.isPending || result.sent > 0;
  const wrong = file && wrongWith(file, MOST);
  return (
    <Dialog
      title={file ? `Leads of ${file.name}` : 'Upload leads'}
      isWide
      isQuestion={send.isPending}
      onClose={onClose}
      actions={
        <>
          {file && !isBegun && <Button onClick={() => setFile(null)}>Another file</Button>}
          <Button variant={send.isSuccess ? 'primary' : 'secondary'} onClick={onClose}>
            {send.isPending ? 'Stop' : 'Close'}
          </Button>
          {file && !send.isSuccess && (
            <Button
              variant="primary"
              isPending={send.isPending}
              disabled={wrong !== null}
              onClick={() => send.mutate(leadsOf(file))}
            >
              {send.isError ? 'Go on' : `Keep ${counted(file.rows.length, 'lead')}`}
            </Button>
          )}
        </>
      }
    >
      <ErrorNote error={read.error ?? send.error} />
      {!file && (
        <Dropzone title="Drop a CSV file here" onFile={(chosen) => read.mutate(chosen)}>
          One person a row, with their number and its country code. Columns email and timezone are read as such; any
          other becomes an attribute.
        </Dropzone>
      )}
      {file && !isBegun && (
        <>
          {wrong && <Note tone="warn">{wrong}</Note>}
          <ColumnsTable file={file} onChange={setFile} />
        </>
      )}
      {file && isBegun && <Outcome total={file.rows.length} result={result} isOver={send.isSuccess} />}
    </Dialog>
  );
}

const MEANINGS: readonly (readonly [Meaning, string])[] = [
  ['number', 'Number'],
  ['email', 'E-mail'],
  ['timezone', 'Time zone'],
  ['attribute', 'Attribute'],
  ['nothing', 'Leave it out'],
];

function ColumnsTable({ file, onChange }: { file: LeadFile; onChange: (file: LeadFile) => void }) {
  const set = (index: number, meaning: Meaning) =>
    onChange({ ...file, columns: file.columns.map((it, i) => (i === index ? { ...it, meaning } : it)) });
  const rows = file.columns.map((column, index) => ({ ...column, index }));
  const columns: Column<FileColumn & { index: number }>[] = [
    { name: 'Column', cell: ({ name }) => name || '(without a name)' },
    { name: 'First value', isWide: true, cell: ({ example }) => example || '–' },
    {
      name: 'Is read as',
      cell: ({ name, meaning, index }) => (
        <Select
          className={styles.choice}
          label={<span className="unseen">{name} is read as</span>}
          value={meaning}
          onChange={(chosen) => set(index, chosen)}
          options={MEANINGS}
        />
      ),
    },
  ];
  return (
    <>
      <p>
        {counted(file.rows.length, 'person', 'people')}. Whose number is known keeps what the file does not have; nobody
        is taken off a list.
      </p>
      <Table caption="Columns of the file" columns={columns} rows={rows} keyOf={({ index }) => String(index)} />
    </>
  );
}

const REJECTS: readonly Column<Reject>[] = [
  { name: 'Line', isNumber: true, cell: ({ line }) => count(line) },
  { name: 'Number', cell: ({ number }) => <code>{number || '–'}</code> },
  { name: 'Why not', cell: ({ why }) => why },
];

function Outcome({ total, result, isOver }: { total: number; result: BulkResult; isOver: boolean }) {
  const { sent, created, updated, rejects } = result;
  return (
    <>
      <Progress
        label="Leads that were sent"
        total={total}
        parts={[
          { count: sent - rejects.length, tone: 'good' },
          { count: rejects.length, tone: 'bad' },
        ]}
      />
      <div role="status">
        {isOver ? (
          <Note tone={rejects.length > 0 ? 'warn' : 'good'}>
            {counted(created, 'lead is', 'leads are')} new, {count(updated)} were known.{' '}
            {rejects.length > 0 && `${counted(rejects.length, 'row was', 'rows were')} not taken.`}
          </Note>
        ) : (
          <p>
            {count(sent)} of {count(total)} were sent.
          </p>
        )}
      </div>
      {rejects.length > 0 && (
        <>
          <Table
            caption="Rows that were not taken"
            columns={REJECTS}
            rows={rejects.slice(0, SHOWN)}
            keyOf={({ line }) => String(line)}
          />
          {rejects.length > SHOWN && <p>And {counted(rejects.length - SHOWN, 'more', 'more')}.</p>}
        </>
      )}
    </>
  );
}
