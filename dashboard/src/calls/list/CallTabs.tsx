import { Tabs } from '../../ui/Tabs';

/** The two lists of calls. */
export function CallTabs() {
  return (
    <Tabs
      label="Lists of calls"
      tabs={[
        { name: 'All calls', to: '/calls', isExact: true },
        { name: 'Live now', to: '/calls/live' },
      ]}
    />
  );
}
