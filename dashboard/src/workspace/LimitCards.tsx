import { useQuery } from '@tanstack/react-query';

import { trunkGroupsQuery, trunksQuery } from '../trunks/queries';
import { NumberField, Select } from '../ui/Field';
import { FieldRow } from '../ui/Form';
import { Card } from '../ui/Page';
import type { Part } from './HoursCard';
import { DEFAULT_CAPS, type RulesDraft, wrongFields } from './rules';
import styles from './Workspace.module.css';

type NumberName = 'minGapMinutes' | 'maxPer24h' | 'maxPer7d' | 'callsPerSecond' | 'maxLiveCalls';

function Figure({
  name,
  draft,
  set,
  ...rest
}: Part & { name: NumberName; label: string; path: string; unit: string; hint: string; placeholder: string }) {
  return (
    <NumberField
      {...rest}
      error={wrongFields(draft).has(name) ? 'Write a number.' : null}
      value={draft[name]}
      onChange={(value) => set({ [name]: value } as Partial<RulesDraft>)}
    />
  );
}

/** How often one number is called. */
export function CapsCard(part: Part) {
  return (
    <Card title="How often one number is called" isStack>
      <p className={styles.lead}>
        Calls of all campaigns and single calls are counted together. Whoever would be called too soon waits; nobody is
        left out.
      </p>
      <FieldRow>
        <Figure
          {...part}
          name="minGapMinutes"
          label="After another campaign, at least"
          path="caps.minGapMinutes"
          unit="min"
          placeholder={String(DEFAULT_CAPS.minGapMinutes)}
          hint={`Keeps people from being called by one campaign right after another. Empty is ${DEFAULT_CAPS.minGapMinutes}, 0 is no wait.`}
        />
        <Figure
          {...part}
          name="maxPer24h"
          label="In 24 hours, at most"
          path="caps.maxPer24h"
          unit="calls"
          placeholder={String(DEFAULT_CAPS.maxPer24h)}
          hint={`Keeps anybody from being called all day long. Empty is ${DEFAULT_CAPS.maxPer24h}.`}
        />
        <Figure
          {...part}
          name="maxPer7d"
          label="In 7 days, at most"
          path="caps.maxPer7d"
          unit="calls"
          placeholder="no limit"
          hint="Keeps anybody from being called day after day. Empty is no limit."
        />
      </FieldRow>
    </Card>
  );
}

/** How fast all campaigns call together, and by what. */
export function LimitsCard(part: Part) {
  const trunks = useQuery(trunksQuery).data?.items ?? [];
  const groups = useQuery(trunkGroupsQuery).data?.items ?? [];
  const { draft, set } = part;
  const ways = [
    ...trunks.filter(({ channel }) => channel === 'voice').map(({ id, name }) => [id, name] as const),
    ...groups.map(({ id, name }) => [id, `${name} (group)`] as const),
  ];
  const isMissing = draft.way !== '' && !ways.some(([id]) => id === draft.way);
  return (
    <Card title="Pace and trunk" isStack>
      <p className={styles.lead}>
        Limits of all calls of the workspace together. Trunks and campaigns have limits of their own; the lowest holds.
      </p>
      <FieldRow>
        <Figure
          {...part}
          name="callsPerSecond"
          label="Calls begun, at most"
          path="limits.callsPerSecond"
          unit="per second"
          placeholder="no limit"
          hint="Keeps carriers from refusing calls, and your agents from a rush. Empty is no limit."
        />
        <Figure
          {...part}
          name="maxLiveCalls"
          label="Live calls, at most"
          path="limits.maxLiveCalls"
          unit="calls"
          placeholder="no limit"
          hint="Keeps a mistake from ringing everywhere at once, and the bill in bounds. Empty is no limit."
        />
        <Select
          label="Trunk where none is named"
          path={draft.way.startsWith('tgr_') ? 'defaultTrunkGroupId' : 'defaultTrunkId'}
          hint="By what calls go that name none. With None, a workspace with a single trunk uses that."
          value={draft.way}
          onChange={(way) => set({ way })}
          options={[['', 'None'], ...ways, ...(isMissing ? [[draft.way, draft.way] as const] : [])]}
        />
      </FieldRow>
    </Card>
  );
}
