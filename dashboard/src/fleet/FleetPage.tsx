import { useWhyNot } from '../api/me';
import { useLiveFleet } from '../api/use-live';
import { Chip } from '../ui/Chip';
import { count, counted, span } from '../ui/format';
import { Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Stat, Stats } from '../ui/Stat';
import { Lanes } from './Lanes';
import { Trunks } from './Trunks';
import { Workers } from './Workers';
import { versionsOf } from './words';

/** What places the calls: workers, what waits for them, and the trunks they use. */
export function FleetPage() {
  const whyNot = useWhyNot()('see the fleet');
  return whyNot === undefined ? (
    <Running />
  ) : (
    <Page title="Fleet">
      <Note>{whyNot}</Note>
      <Trunks />
    </Page>
  );
}

function Running() {
  const fleet = useLiveFleet();
  if (fleet === undefined) {
    return (
      <Page title="Fleet">
        <Card>
          <Skeleton lines={6} />
        </Card>
        <Trunks />
      </Page>
    );
  }
  const { workers, lanes } = fleet;
  const sum = (of: (worker: (typeof workers)[number]) => number) => workers.reduce((all, it) => all + of(it), 0);
  const draining = workers.filter((worker) => worker.draining).length;
  const capacity = sum((worker) => (worker.draining ? 0 : worker.capacity));
  const oldest = Math.max(...lanes.map(({ oldestSeconds }) => oldestSeconds ?? 0), 0);
  const waiting = lanes.reduce((all, lane) => all + lane.waiting, 0);
  return (
    <Page
      title="Fleet"
      aside={<Chip>{fleet.mode === 'alone' ? 'One process does it all' : 'Several processes'}</Chip>}
      lead={`The server that answers runs version ${fleet.version}.`}
    >
      <Versions versions={versionsOf(workers)} server={fleet.version} />
      <Stats>
        <Stat
          label="Workers"
          value={count(workers.length)}
          note={draining > 0 ? `${count(draining)} take no calls` : 'all take calls'}
        />
        <Stat label="Live calls" value={count(sum(({ live }) => live))} note={`room for ${count(capacity)}`} />
        <Stat label="Waiting for a worker" value={count(waiting)} note="calls, messages and webhooks" />
        <Stat label="Waits longest" value={oldest === 0 ? '–' : span(oldest * 1000)} />
      </Stats>
      <Workers workers={workers} version={fleet.version} />
      <Lanes lanes={lanes} />
      <Trunks />
    </Page>
  );
}

/** Points out that not all run the same version, as they do in the middle of an upgrade. */
function Versions({ versions, server }: { versions: [string, number][]; server: string }) {
  const others = versions.filter(([version]) => version !== server);
  if (others.length === 0) return null;
  const said = versions.map(([version, n]) => `${counted(n, 'worker')} ${n === 1 ? 'runs' : 'run'} ${version}`);
  return (
    <Note tone="warn">
      <b>Not all run the same version.</b> {said.join(', ')}; this server runs {server}. That is fine in the middle of
      an upgrade, and only then.
    </Note>
  );
}
