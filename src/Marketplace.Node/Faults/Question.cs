using Marketplace.Domain;

namespace Marketplace.Node;

/// <summary>A directed question: who put down a bond to see one leaf of a slot that this node holds.</summary>
/// <param name="Deal">The deal.</param>
/// <param name="Slot">Its slot.</param>
/// <param name="Asker">Who asked.</param>
/// <param name="Leaf">The leaf to show.</param>
/// <param name="Due">The last period in which the answer counts.</param>
internal sealed record Question(DealId Deal, int Slot, Address Asker, long Leaf, PeriodNumber Due);
