import type { components } from '../../api/schema';
import { Bars } from '../../ui/Bars';
import { count, moment, percent, sentence } from '../../ui/format';
import { Note } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { Stat, Stats } from '../../ui/Stat';
import { DISPOSITION, HOLD, reason } from '../words';

type Preflight = components['schemas']['Preflight'];

const span = (from: string, to: string) => (from === to ? `At ${from}` : `From ${from} to ${to}`);

/** Why nobody is called at all. */
export function Blocked({ why }: { why: readonly string[] }) {
  return why.map((it) => (
    <Note key={it} tone="bad">
      {sentence(it)}
    </Note>
  ));
}

/** Who would be called now, who later and why, and who never. */
export function PreflightResult({ preflight }: { preflight: Preflight }) {
  const { waiting, callableNow, held, ended, expectedFinish, blocked, warnings } = preflight;
  const sum = (rows: readonly { count: number }[]) => rows.reduce((all, row) => all + row.count, 0);
  const share = (n: number) => (waiting > 0 ? percent(n / waiting) : undefined);
  const missing = [...preflight.missingVariables, ...preflight.missingInMessages];
  return (
    <>
      <Blocked why={blocked} />
      <Stats>
        <Stat
          label={blocked.length > 0 ? 'Could be called now' : 'Can be called now'}
          value={count(callableNow)}
          note={share(callableNow)}
        />
        <Stat label="Later" value={count(sum(held))} note={share(sum(held))} />
        <Stat label="Never" value={count(sum(ended))} note={share(sum(ended))} />
        <Stat
          label="Each called once by"
          value={expectedFinish && blocked.length === 0 ? moment(expectedFinish) : '–'}
          note={
            blocked.length > 0
              ? 'Nobody is called as it is.'
              : expectedFinish
                ? undefined
                : 'Set calls per second to know.'
          }
        />
      </Stats>
      {warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {sentence(warning)}
        </Note>
      ))}
      {held.length > 0 && (
        <Card title="Called later">
          <Bars
            total={waiting}
            rows={held.map(({ hold, count: n, first, last }) => ({
              name: HOLD[hold].text,
              count: n,
              tone: 'warn',
              note: `${HOLD[hold].meaning} ${span(moment(first), moment(last))}, on your clock.`,
            }))}
          />
        </Card>
      )}
      {ended.length > 0 && (
        <Card title="Not called at all">
          <Bars
            total={waiting}
            rows={ended.map(({ disposition, reason: why, count: n }) => ({
              name: DISPOSITION[disposition].text,
              count: n,
              tone: 'bad',
              note: `Because: ${reason(why)}.`,
            }))}
          />
        </Card>
      )}
      {missing.length > 0 && (
        <Card title="Values that are missing">
          <Bars
            total={waiting}
            rows={missing.map(({ variable, count: n, examples }) => ({
              name: variable,
              count: n,
              tone: 'bad',
              note: `For example ${examples.join(', ')}. What needs it cannot be said to them.`,
            }))}
          />
        </Card>
      )}
    </>
  );
}
