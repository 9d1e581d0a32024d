using Marketplace.Domain;
using Microsoft.Data.Sqlite;

namespace Marketplace.Keeper.Indexing;

/// <summary>
/// How each event changes the tables. Only the event and the rows before it decide, so the same chain always gives the same tables.
/// An event about something unknown changes nothing: the contracts do not send such, and a keeper must not stop for it.
/// </summary>
internal static class Projections
{
    /// <summary>Bytes in a leaf of a shard's tree.</summary>
    public const int LeafBytes = 256;

    /// <summary>Applies one event inside the caller's transaction.</summary>
    public static void Apply(SqliteConnection db, MarketEvent happened)
    {
        switch (happened)
        {
            case NodeRegistered e:
                db.Execute(
                    """
                    INSERT INTO nodes(id, owner, hot, stake, price, capacity, fingerprint, endpoint, earned, rewarded) VALUES($0, $1, $2, $3, $4, $5, $6, $7, 0, 0)
                    """,
                    e.Node, e.Owner, e.Hot, e.Stake, e.Price, BytesOf(e.CapacityMiB), e.Fingerprint, e.Endpoint);
                break;
            case NodeHotChanged e:
                db.Execute("UPDATE nodes SET hot = $1 WHERE id = $0", e.Node, e.Hot);
                break;
            case NodeEndpointChanged e:
                db.Execute("UPDATE nodes SET fingerprint = $1, endpoint = $2 WHERE id = $0", e.Node, e.Fingerprint, e.Endpoint);
                break;
            case NodeOfferChanged e:
                db.Execute("UPDATE nodes SET price = $1, capacity = $2 WHERE id = $0", e.Node, e.Price, BytesOf(e.CapacityMiB));
                break;
            case NodeOwnerChanged e:
                db.Execute("UPDATE nodes SET owner = $1 WHERE id = $0", e.Node, e.Owner);
                break;
            case NodeStakeChanged e:
                db.Execute("UPDATE nodes SET stake = $1 WHERE id = $0", e.Node, e.Stake);
                break;
            case NodeStakeTaken e:
                db.Execute("UPDATE nodes SET stake = stake - $1 WHERE id = $0", e.Node, e.Units);
                break;
            case NodeEvicted e:
                db.Execute("UPDATE nodes SET evicted_from = $1, exit_from = $1 WHERE id = $0", e.Node, e.From);
                break;
            case NodeCured e:
                db.Execute("UPDATE nodes SET evicted_from = NULL, exit_from = NULL WHERE id = $0", e.Node);
                break;
            case NodeExiting e:
                db.Execute("UPDATE nodes SET exit_from = $1 WHERE id = $0", e.Node, e.From);
                break;
            case KeeperAnnounced e:
                db.Execute(
                    """
                    INSERT INTO keepers(id, owner, key, endpoint) VALUES($0, $1, $2, $3)
                    ON CONFLICT(id) DO UPDATE SET owner = excluded.owner, key = excluded.key, endpoint = excluded.endpoint
                    """,
                    e.Keeper, e.Owner, e.Key, e.Endpoint);
                break;
            case PeriodProved e:
                db.Execute("INSERT INTO proofs(node, period, paid) VALUES($0, $1, $2) ON CONFLICT DO NOTHING", e.Node, e.Period, e.Paid);
                db.Execute("UPDATE nodes SET last_proved = MAX(COALESCE(last_proved, 0), $1), earned = earned + $2 WHERE id = $0", e.Node, e.Period, e.Paid);
                break;
            case RewardMinted e:
                db.Execute("UPDATE nodes SET rewarded = rewarded + $1 WHERE id = $0", e.Node, e.Units);
                break;
            default:
                ApplyToDeals(db, happened);
                break;
        }
    }

    private static void ApplyToDeals(SqliteConnection db, MarketEvent happened)
    {
        switch (happened)
        {
            case DealOpened e:
                db.Execute(
                    """
                    INSERT INTO deals(client, number, k, n, rate, leaves, from_period, end_period, max_end, locked, settled, paid, refunded)
                    VALUES($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0)
                    """,
                    e.Deal.Client, e.Deal.Number, e.Needed, e.Slots, e.Rate, e.Leaves, e.From, e.End, e.MaxEnd, e.Locked);
                break;
            case SlotFilled e:
                Unreserve(db, e.Deal, e.Slot);
                // Whoever held the slot before holds it until this one begins: who would have begun with it never does, and leaves no row.
                db.Execute(
                    "UPDATE slots SET until_period = MIN(until_period, $3) WHERE deal = (SELECT id FROM deals WHERE client = $0 AND number = $1) AND slot = $2",
                    e.Deal.Client, e.Deal.Number, e.Slot, e.From);
                db.Execute(
                    $"""
                    INSERT INTO slots(deal, slot, node, root, bytes, from_period, until_period)
                    SELECT id, $2, $3, $4, leaves * {LeafBytes}, $5, end_period FROM deals WHERE client = $0 AND number = $1
                    ON CONFLICT(deal, slot, from_period) DO UPDATE SET
                      node = excluded.node, root = excluded.root, bytes = excluded.bytes, until_period = excluded.until_period
                    """,
                    e.Deal.Client, e.Deal.Number, e.Slot, e.Node, e.Root, e.From);
                break;
            case DealEndedEarly e:
                // Slots that lasted to the deal's end, or to a later one, last to its new one.
                db.Execute(
                    """
                    UPDATE slots SET until_period = MIN(slots.until_period, $2) FROM deals
                    WHERE deals.client = $0 AND deals.number = $1 AND slots.deal = deals.id
                    """,
                    e.Deal.Client, e.Deal.Number, e.End);
                db.Execute("UPDATE deals SET end_period = $2, locked = locked - $3 WHERE client = $0 AND number = $1", e.Deal.Client, e.Deal.Number, e.End, e.Refunded);
                break;
            case SlotVacated e:
                db.Execute(
                    "UPDATE slots SET until_period = MIN(until_period, $3) WHERE deal = (SELECT id FROM deals WHERE client = $0 AND number = $1) AND slot = $2",
                    e.Deal.Client, e.Deal.Number, e.Slot, e.Until);
                break;
            case SlotReserved e:
                db.Execute(
                    """
                    INSERT INTO reservations(deal, slot, node, until_period) SELECT id, $2, $3, $4 FROM deals WHERE client = $0 AND number = $1
                    ON CONFLICT(deal, slot) DO UPDATE SET node = excluded.node, until_period = excluded.until_period
                    """,
                    e.Deal.Client, e.Deal.Number, e.Slot, e.Node, e.Until);
                break;
            case ReservationEnded e:
                Unreserve(db, e.Deal, e.Slot);
                break;
            case DealExtended e:
                // Slots that last to the deal's end last to its new one; those that another node took over stay as they are.
                db.Execute(
                    """
                    UPDATE slots SET until_period = $2 FROM deals
                    WHERE deals.client = $0 AND deals.number = $1 AND slots.deal = deals.id AND slots.until_period = deals.end_period
                    """,
                    e.Deal.Client, e.Deal.Number, e.End);
                db.Execute("UPDATE deals SET end_period = $2, locked = locked + $3 WHERE client = $0 AND number = $1", e.Deal.Client, e.Deal.Number, e.End, e.AddedLock);
                break;
            case DealSettled e:
                db.Execute(
                    "UPDATE deals SET settled = 1, paid = $2, refunded = $3 WHERE client = $0 AND number = $1", e.Deal.Client, e.Deal.Number, e.Paid, e.Refunded);
                break;
            default:
                throw new ArgumentException($"No projection of {happened.GetType().Name}.", nameof(happened));
        }
    }

    private static void Unreserve(SqliteConnection db, DealId deal, int slot) => db.Execute(
        "DELETE FROM reservations WHERE deal = (SELECT id FROM deals WHERE client = $0 AND number = $1) AND slot = $2", deal.Client, deal.Number, slot);

    private static long BytesOf(uint mebibytes) => (long)mebibytes << 20;
}
