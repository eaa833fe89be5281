import { useQuery } from '@tanstack/react-query';
import { Chip } from '../../ui/Chip';
import { count, moment } from '../../ui/format';
import { Card } from '../../ui/Page';
import { Table } from '../../ui/Table';
import { importsQuery, preflightQuery } from '../queries';

/** Where the people of the list are, and what time it is there. */
export function ListZones({ campaignId }: { campaignId: string }) {
  const imports = useQuery(importsQuery(campaignId));
  const isFilling = imports.data?.items.some(({ status }) => status === 'RUNNING') ?? true;
  const preflight = useQuery({ ...preflightQuery(campaignId), enabled: !isFilling });
  const zones = preflight.data?.zones ?? [];
  if (zones.length === 0) return null;
  return (
    <Card title="Where they are" isFlush>
      <Table
        caption="Time zones of the list"
        rows={[...zones].sort((a, b) => b.count - a.count)}
        keyOf={(zone) => zone.zones.join()}
        columns={[
          { name: 'Zone', cell: (zone) => named(zone.zones) },
          { name: 'Recipients', isNumber: true, cell: (zone) => count(zone.count) },
          { name: 'Now there', cell: (zone) => clockIn(zone.zones[0]) },
          {
            name: 'Hours as they are saved',
            cell: (zone) =>
              zone.openNow ? (
                <Chip tone="good">Open now</Chip>
              ) : (
                <Chip>{zone.hours[0] ? `Opens ${moment(zone.hours[0].from)} here` : 'Never open'}</Chip>
              ),
          },
        ]}
      />
    </Card>
  );
}

function named([first, ...others]: readonly string[]): string {
  const name = (first ?? 'Unknown').replaceAll('_', ' ');
  return others.length === 0 ? name : `${name} and ${others.length} more it may be`;
}

function clockIn(zone: string | undefined): string {
  if (zone === undefined) return '–';
  try {
    const options = { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
    return new Intl.DateTimeFormat('en', options).format(new Date());
  } catch {
    return '–'; // a zone that this browser does not know yet
  }
}
