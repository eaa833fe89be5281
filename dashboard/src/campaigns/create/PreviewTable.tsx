import { Volume2 } from 'lucide-react';

import { Button } from '../../ui/Button';
import { Chip } from '../../ui/Chip';
import { Card } from '../../ui/Page';
import { type Column, Table } from '../../ui/Table';
import type { PreviewRow } from '../queries';
import styles from './Upload.module.css';

type Row = PreviewRow;

/** Most variables that have a column of their own. */
const MOST = 5;

/** The first rows of a list as a campaign would have them, with what the agent says first to each. */
export function PreviewTable({ rows, withWords }: { rows: readonly Row[]; withWords?: boolean }) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.variables as object)))];
  const columns: Column<Row>[] = [
    { name: 'Line', isNumber: true, isWide: true, cell: ({ line }) => line },
    {
      name: 'Number',
      cell: ({ to, reject }) => to ?? <span className={styles.bad}>{reject?.value || 'none'}</span>,
    },
    ...(withWords ? [WORDS] : names.slice(0, MOST).map(variable)),
    {
      name: withWords ? 'Missing' : 'Where',
      isWide: true,
      cell: (row) => (withWords ? <Missing {...row} /> : where(row)),
    },
  ];
  return (
    <Card title={withWords ? 'What they hear first' : `The first ${rows.length} rows`} isFlush>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <section className={styles.preview} tabIndex={0} aria-label="Rows of the list">
        <Table caption="The first rows of the list" rows={rows} keyOf={({ line }) => String(line)} columns={columns} />
      </section>
    </Card>
  );
}

const variable = (name: string): Column<Row> => ({
  name,
  isWide: true,
  cell: ({ variables }) => shortened(String((variables as Record<string, unknown>)[name] ?? '')),
});

function where({ timezones: [first, ...others], reject }: Row): string {
  if (first === undefined) return reject?.reason.replace(/^[a-z_]+: /, '') ?? 'unknown';
  return `${first.replaceAll('_', ' ')}${others.length > 0 ? ` or ${others.length} more` : ''}`;
}

const WORDS: Column<Row> = {
  name: 'Says',
  cell: ({ openingLine, greetingText, reject }) => {
    const words = greetingText ?? openingLine;
    if (reject) return <span className={styles.bad}>{reject.reason.replace(/^[a-z_]+: /, '')}</span>;
    return words ? <Spoken words={words} /> : '–';
  },
};

function Spoken({ words }: { words: string }) {
  return (
    <span className={styles.spoken}>
      {'speechSynthesis' in window && (
        <Button variant="quiet" iconOnly aria-label="Hear it, in a voice of this browser" onClick={() => say(words)}>
          <Volume2 aria-hidden />
        </Button>
      )}
      {shortened(words)}
    </span>
  );
}

function say(words: string): void {
  speechSynthesis.cancel();
  speechSynthesis.speak(new SpeechSynthesisUtterance(words));
}

function Missing({ missing }: Row) {
  return missing.map((name) => (
    <Chip key={name} tone="bad">
      {name}
    </Chip>
  ));
}

/** Lists hold essays, too. */
const shortened = (text: string): string => (text.length > 140 ? `${text.slice(0, 140)}…` : text);
