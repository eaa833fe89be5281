import { Button } from '../ui/Button';
import { Code } from '../ui/Code';
import { Copy } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { exactMoment } from '../ui/format';
import { Facts } from '../ui/Stat';
import { type Column, Table } from '../ui/Table';
import styles from './Audit.module.css';
import { type Change, changesOf } from './detail';
import type { AuditEntry, AuditFilter } from './queries';
import { TargetLink } from './TargetLink';
import { useActors } from './use-actors';
import { actionOf } from './words';

/** One change, with what was before and what is after it. */
export function Entry({
  entry,
  onNarrow,
  onClose,
}: {
  entry: AuditEntry;
  onNarrow: (filter: AuditFilter) => void;
  onClose: () => void;
}) {
  const { nameOf } = useActors();
  const { action, actor, target, at, requestId, detail } = entry;
  return (
    <Dialog title={actionOf(action)} isSide onClose={onClose}>
      <Facts
        facts={[
          ['Who', nameOf(actor)],
          ['To what', <TargetLink key="target" entry={entry} />],
          ['When', exactMoment(at)],
          ['Action', <Id key="action" id={action} what="the action" />],
          ...(actor.kind === 'system'
            ? []
            : [['Id of who', <Id key="actor" id={actor.id} what="their id" />] as const]),
          ...(target ? [['Id of what', <Id key="id" id={target.id} what="the id" />] as const] : []),
          ...(requestId
            ? [['Request', <Id key="request" id={requestId} what="the id of the request" />] as const]
            : []),
        ]}
      />
      <div className={styles.links}>
        {target && <Button onClick={() => onNarrow({ target: target.id })}>All changes of this</Button>}
        <Button onClick={() => onNarrow({ actor: actor.id })}>All changes by them</Button>
      </div>
      <h3>What has changed</h3>
      <Changes detail={detail} />
      <details className={styles.raw}>
        <summary>As the API tells it</summary>
        <Code text={JSON.stringify(detail, null, 2)} label="As the API tells it" />
      </details>
    </Dialog>
  );
}

function Id({ id, what }: { id: string; what: string }) {
  return (
    <>
      <code>{id}</code> <Copy text={id} what={what} />
    </>
  );
}

function Changes({ detail }: { detail: unknown }) {
  const changes = changesOf(detail);
  if (changes.length === 0) return <p className={styles.before}>The entry tells no more than that it was done.</p>;
  const hasBefore = changes.some(({ before }) => before !== null);
  const columns: Column<Change>[] = [
    { name: 'Field', cell: ({ name }) => name },
    ...(hasBefore ? [BEFORE] : []),
    { name: hasBefore ? 'After' : 'Value', cell: ({ after }) => <span className={styles.value}>{after}</span> },
  ];
  return <Table caption="What has changed" columns={columns} rows={changes} keyOf={({ name }) => name} />;
}

const BEFORE: Column<Change> = {
  name: 'Before',
  cell: ({ before }) => <span className={`${styles.value} ${styles.before}`}>{before ?? '–'}</span>,
};
