import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm, Dialog } from '../ui/Dialog';
import { moment } from '../ui/format';
import { Note } from '../ui/Note';
import { Card } from '../ui/Page';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import { differences } from './differences';
import { type Agent, publishAgent, rollBackAgent } from './queries';
import styles from './Versions.module.css';
import { VERSION } from './words';

type Asked = { what: 'publish' | 'rollBack'; version: Agent } | { what: 'differences'; version: Agent; than: Agent };

/** The versions of an agent, with what is another in each, and the ways back. */
export function Versions({ versions }: { versions: readonly Agent[] }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const why = useWhyNot()('publish agents');
  const cache = useQueryClient();
  const close = () => setAsked(null);
  const renew = () => cache.invalidateQueries({ queryKey: ['agents'] });
  const live = versions.find(({ version, publishedVersion }) => version === publishedVersion);
  // With what calls are made with; that itself, and a draft where nothing is live, with the version before.
  const otherThan = (version: Agent) => (live && version !== live ? live : versions[versions.indexOf(version) + 1]);
  const noWayBack = versions.length > 1 ? undefined : 'There is no version to go back to.';
  const columns: Column<Agent>[] = [
    { name: 'Version', cell: ({ version }) => <b>{version}</b> },
    { name: 'State', cell: ({ status }) => <Chip tone={VERSION[status].tone}>{VERSION[status].text}</Chip> },
    { name: 'Made', isWide: true, cell: ({ versionCreatedAt }) => moment(versionCreatedAt) },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (version) => (
        <>
          <Compare version={version} than={otherThan(version)} onAsk={setAsked} />
          {version === live ? (
            <Button variant="quiet" why={why ?? noWayBack} onClick={() => setAsked({ what: 'rollBack', version })}>
              Roll back
            </Button>
          ) : (
            <Button variant="quiet" why={why} onClick={() => setAsked({ what: 'publish', version })}>
              Publish<span className="unseen"> {version.version}</span>
            </Button>
          )}
        </>
      ),
    },
  ];
  return (
    <Card title="Versions" isFlush>
      <Table caption="Versions" columns={columns} rows={versions} keyOf={({ version }) => version} />
      {asked?.what === 'publish' && (
        <Confirm
          title={`Publish ${asked.version.version}?`}
          confirm="Publish it"
          onClose={close}
          onConfirm={async () => {
            await publishAgent(asked.version.id, asked.version.version);
            toast(`Calls are made with ${asked.version.version} from now on`);
            await renew();
          }}
        >
          Calls that begin from then on are made with it; those that are live keep theirs.
        </Confirm>
      )}
      {asked?.what === 'rollBack' && (
        <Confirm
          title="Roll back?"
          confirm="Roll back"
          onClose={close}
          onConfirm={async () => {
            const agent = await rollBackAgent(asked.version.id);
            toast(`Calls are made with ${agent.publishedVersion} again`);
            await renew();
          }}
        >
          Calls are made again with the version that was live before {asked.version.version}.
        </Confirm>
      )}
      {asked?.what === 'differences' && <Differences version={asked.version} than={asked.than} onClose={close} />}
    </Card>
  );
}

type Difference = ReturnType<typeof differences>[number];

function Compare({ version, than, onAsk }: { version: Agent; than: Agent | undefined; onAsk: (asked: Asked) => void }) {
  if (than === undefined) return null;
  return (
    <Button variant="quiet" onClick={() => onAsk({ what: 'differences', version, than })}>
      Compare<span className="unseen"> {version.version}</span> with {than.version}
    </Button>
  );
}

/** The older of the two stands first. */
function Differences({ version, than, onClose }: { version: Agent; than: Agent; onClose: () => void }) {
  const [older, newer] = numberOf(version) < numberOf(than) ? [version, than] : [than, version];
  const rows = differences(older, newer);
  const named = (it: Agent) => (it.version === it.publishedVersion ? `${it.version}, live` : it.version);
  const columns: Column<Difference>[] = [
    { name: 'What', cell: ({ name }) => <b>{name}</b> },
    { name: named(older), cell: ({ before }) => <span className={styles.text}>{before}</span> },
    { name: named(newer), cell: ({ after }) => <span className={styles.text}>{after}</span> },
  ];
  return (
    <Dialog title={`${older.version} and ${newer.version}`} isWide onClose={onClose}>
      {rows.length === 0 ? (
        <Note>They say and do the same.</Note>
      ) : (
        <Table caption="What is another" columns={columns} rows={rows} keyOf={({ name }) => name} />
      )}
    </Dialog>
  );
}

const numberOf = ({ version }: Agent): number => Number(version.slice(1));
