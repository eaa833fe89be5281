import { NumberField, Select, TextArea, TextField } from '../ui/Field';
import { Fold } from '../ui/Fold';
import { Card } from '../ui/Page';
import type { Bind } from './TrunkForm';
import styles from './Trunks.module.css';
import { ROTATION } from './words';

/** The number that people see, or several of them in turn. */
export function CallerFields({ bind }: { bind: Bind }) {
  const { value: rotation, onChange: setRotation } = bind('rotation');
  return (
    <Card title="What people see" isStack>
      <div className={styles.fields}>
        <TextField
          label="Caller ID"
          path="callerId"
          isOptional
          placeholder="+12025550100"
          hint="Use only numbers of yours, and those the carrier lets you show."
          {...bind('callerId')}
        />
      </div>
      <Fold title="Several numbers in turn">
        <div className={styles.fields}>
          <TextArea
            label="Numbers"
            path="callerIds.numbers"
            isOptional
            rows={4}
            placeholder={'+12025550101\n+14155550101'}
            hint="One on each line, up to 500. For campaigns that have no numbers of their own."
            {...bind('poolNumbers')}
          />
          <Select
            label="Which one comes next"
            path="callerIds.rotation"
            value={rotation || 'roundRobin'}
            onChange={setRotation}
            options={Object.entries(ROTATION)}
          />
          <NumberField
            label="Each shown a day, at most"
            path="callerIds.dailyCap"
            isOptional
            hint="When all are used up, people wait for the next day. Empty is no limit."
            {...bind('dailyCap')}
          />
        </div>
      </Fold>
    </Card>
  );
}
