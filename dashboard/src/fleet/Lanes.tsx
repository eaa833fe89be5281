import type { components } from '../api/schema';
import { count, span } from '../ui/format';
import { Card } from '../ui/Page';
import { type Column, Table } from '../ui/Table';
import styles from './Lanes.module.css';
import { laneOf } from './words';

type Lane = components['schemas']['FleetLane'];

/** What waits for workers. */
export function Lanes({ lanes }: { lanes: readonly Lane[] }) {
  return (
    <Card title="Waiting for workers" isFlush>
      <Table caption="Lanes" columns={COLUMNS} rows={lanes} keyOf={({ lane }) => lane} />
    </Card>
  );
}

const COLUMNS: Column<Lane>[] = [
  { name: 'What', cell: ({ lane }) => <b>{laneOf(lane).text}</b> },
  {
    name: 'Meaning',
    isWide: true,
    isUnnamed: true,
    cell: ({ lane }) => <span className={styles.meaning}>{laneOf(lane).meaning}</span>,
  },
  { name: 'Waiting', isNumber: true, cell: ({ waiting }) => count(waiting) },
  { name: 'In hand', isNumber: true, cell: ({ inHand }) => count(inHand) },
  {
    name: 'Waits longest',
    isNumber: true,
    cell: ({ oldestSeconds }) => (oldestSeconds == null ? '–' : span(oldestSeconds * 1000)),
  },
];
