import { type ReactNode, useState } from 'react';

import { Button } from '../../ui/Button';
import { DownloadButton } from '../../ui/DownloadButton';
import { Dropzone } from '../../ui/Dropzone';
import { bytes, count, counted, percent, sentence } from '../../ui/format';
import { ErrorNote, Note } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { Progress } from '../../ui/Progress';
import { Stat, Stats } from '../../ui/Stat';
import { Table } from '../../ui/Table';
import type { Upload } from '../queries';
import { rejected } from '../words';
import styles from './Upload.module.css';
import type { Following } from './use-upload';

/** How far a file is: on its way, being looked through, or what was found. */
export function UploadStatus({ follow, upload }: { follow: Following; upload: Upload }) {
  const name = upload.filename ?? 'The list';
  const { sent, error } = follow;
  switch (upload.status) {
    case 'RECEIVING': {
      const total = upload.bytes ?? 0;
      if (sent === null) {
        return (
          <>
            <ErrorNote error={error} />
            <Dropzone title={`${name} is not here as a whole`} onFile={follow.goOn}>
              {bytes(upload.offset)} of {bytes(total)} have arrived. Choose the same file again, and it goes on from
              there.
            </Dropzone>
          </>
        );
      }
      return <Underway label={`Sending ${name}`} done={Math.max(sent, upload.offset)} total={total} words={bytes} />;
    }
    case 'VALIDATING':
      return (
        <Underway label={`Looking through ${name}`} done={upload.bytesRead} total={upload.bytes ?? 0} words={bytes}>
          {counted(upload.rows, 'row')} so far, {count(upload.rejected)} of them rejected
        </Underway>
      );
    case 'FAILED':
      return (
        <Note tone="bad" isAlert>
          {name} cannot be used as it is. {sentence((upload.error ?? '').replace(/^(column|file): /, ''))}
          {upload.columns.length > 0 && ' Below you can say which column holds what.'}
        </Note>
      );
    default:
      return <Found upload={upload} />;
  }
}

function Underway({
  label,
  done,
  total,
  words,
  children,
}: {
  label: string;
  done: number;
  total: number;
  words: (n: number) => string;
  children?: ReactNode;
}) {
  return (
    <Card>
      <div className={styles.underway}>
        <h2>{label}…</h2>
        <Progress label={label} total={total} parts={[{ count: done, tone: 'accent' }]} />
        <p role="status">
          {percent(total === 0 ? 0 : done / total)} · {words(done)} of {words(total)}
          {children && <> · {children}</>}
        </p>
      </div>
    </Card>
  );
}

function Found({ upload }: { upload: Upload }) {
  const good = upload.rows - upload.rejected;
  return (
    <>
      <Stats>
        <Stat label="Rows" value={count(upload.rows)} note={upload.filename} />
        <Stat label="Can be called" value={count(good)} note={upload.rows > 0 && percent(good / upload.rows)} />
        <Stat label="Rejected" value={count(upload.rejected)} note={upload.rejected > 0 && 'see why below'} />
      </Stats>
      {upload.rows === 0 && (
        <Note tone="bad" isAlert>
          There is nobody in this list: below its first row, which names the columns, it has no rows.
        </Note>
      )}
      {upload.rejected > 0 && <Rejects upload={upload} />}
    </>
  );
}

/** So many are shown until more are asked for. */
const FEW = 5;

function Rejects({ upload }: { upload: Upload }) {
  const [isLong, setLong] = useState(false);
  const { rejects } = upload;
  const shown = isLong ? rejects : rejects.slice(0, FEW);
  return (
    <Card
      title={`${counted(upload.rejected, 'row')} cannot be called`}
      isFlush
      actions={
        <DownloadButton path={`/api/v1/uploads/${upload.id}/errors.csv`} filename="rejected rows.csv">
          All of them as CSV
        </DownloadButton>
      }
    >
      <Table
        caption="Rejected rows"
        rows={shown}
        keyOf={(reject) => `${reject.line} ${reject.field}`}
        columns={[
          { name: 'Line', isNumber: true, cell: ({ line }) => count(line) },
          { name: 'Column', isWide: true, cell: ({ field }) => field },
          { name: 'Value', cell: ({ value }) => <code className={styles.value}>{value || 'empty'}</code> },
          { name: 'Why', cell: ({ reason }) => rejected(reason) },
        ]}
      />
      {rejects.length > FEW && (
        <div className={styles.more}>
          <Button variant="quiet" aria-expanded={isLong} onClick={() => setLong(!isLong)}>
            {isLong ? 'Show fewer' : `Show the first ${count(rejects.length)}`}
          </Button>
        </div>
      )}
    </Card>
  );
}
