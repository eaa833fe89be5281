import { useCan } from '../api/me';
import { Tabs } from '../ui/Tabs';

/** The list of numbers, and who was erased, for those who may see that. */
export function ListTabs() {
  const can = useCan();
  if (!can('see erasures')) return null;
  return (
    <Tabs
      label="Suppressions and erasures"
      tabs={[
        { name: 'Numbers', to: '/suppressions', isExact: true },
        { name: 'Erasures', to: '/suppressions/erasures' },
      ]}
    />
  );
}
