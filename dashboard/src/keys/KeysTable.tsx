import { Ellipsis } from 'lucide-react';

import { useMe } from '../api/me';
import { Chip } from '../ui/Chip';
import { ago } from '../ui/format';
import { Menu } from '../ui/Menu';
import { type Column, Table } from '../ui/Table';
import type { AskedKey } from './KeyQuestion';
import styles from './Keys.module.css';
import type { ApiKey } from './queries';
import { endWords, ROLE, scopesOf } from './words';

/** Keys with what they may, and what can be done with them. */
export function KeysTable({
  keys,
  why,
  onAsk,
}: {
  keys: readonly ApiKey[];
  why: string | undefined;
  onAsk: (asked: AskedKey) => void;
}) {
  const columns: Column<ApiKey>[] = [
    ...SHOWN,
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (key) => (
        <Menu
          trigger={<Ellipsis aria-hidden />}
          label={`What can be done with ${key.name}`}
          isQuiet
          choices={[
            { label: 'Rotate', why, onChoose: () => onAsk({ what: 'rotate', key }) },
            { label: 'Revoke', why, isDanger: true, onChoose: () => onAsk({ what: 'revoke', key }) },
          ]}
        />
      ),
    },
  ];
  return <Table caption="API keys" columns={columns} rows={keys} keyOf={({ id }) => id} />;
}

const usedWords = (at: string | null | undefined): string => (at ? ago(at) : 'Never');

function Ends({ expiresAt }: { expiresAt: ApiKey['expiresAt'] }) {
  const { text, tone } = endWords(expiresAt);
  return tone ? <Chip tone={tone}>{text}</Chip> : text;
}

function Name({ of: { name, prefix, lastUsedAt, expiresAt } }: { of: ApiKey }) {
  const { kind, name: caller } = useMe();
  const end = endWords(expiresAt);
  return (
    <div className={styles.name}>
      <span>
        <b>{name}</b> {kind === 'key' && caller === prefix && <Chip tone="info">you are using it</Chip>}
      </span>
      <code className={styles.faint}>{prefix}…</code>
      <span className={`${styles.faint} ${styles.narrow}`}>
        {lastUsedAt ? `Used ${ago(lastUsedAt)}` : 'Never used'}
      </span>
      <span className={`${styles.faint} ${styles.narrow}`}>
        {end.tone ? <Chip tone={end.tone}>{end.text}</Chip> : expiresAt ? `Ends ${end.text}` : 'Never ends'}
      </span>
    </div>
  );
}

const SHOWN: readonly Column<ApiKey>[] = [
  { name: 'Name', cell: (key) => <Name of={key} /> },
  { name: 'Role', cell: ({ role }) => ROLE[role].text },
  { name: 'May', isWide: true, cell: ({ scopes }) => scopesOf(scopes) },
  { name: 'Last used', isWide: true, cell: ({ lastUsedAt }) => usedWords(lastUsedAt) },
  { name: 'Expires', isWide: true, cell: ({ expiresAt }) => <Ends expiresAt={expiresAt} /> },
];
