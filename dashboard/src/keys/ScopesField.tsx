import { Checkbox } from '../ui/Field';
import styles from './Keys.module.css';
import type { Scope } from './queries';
import { SCOPE, SCOPES } from './words';

/** What a key is kept to, with what each lets through; no wider than `within`. */
export function ScopesField({
  scopes,
  within,
  onChange,
}: {
  scopes: readonly Scope[];
  within: readonly Scope[] | null;
  onChange: (scopes: readonly Scope[]) => void;
}) {
  return (
    <fieldset className={styles.scopes}>
      <legend>It may</legend>
      {SCOPES.filter((scope) => within === null || within.includes(scope)).map((scope) => (
        <Checkbox
          key={scope}
          label={SCOPE[scope].text}
          hint={SCOPE[scope].meaning}
          isChecked={scopes.includes(scope)}
          onChange={(isChosen) => onChange(isChosen ? [...scopes, scope] : scopes.filter((other) => other !== scope))}
        />
      ))}
    </fieldset>
  );
}
