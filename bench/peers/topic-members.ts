/**
 * The clients of each topic, for libraries without topics.
 */
export class TopicMembers<Member> {
  private readonly members = new Map<string, Set<Member>>()

  of(topic: string): Iterable<Member> {
    return this.members.get(topic) ?? []
  }

  add(member: Member, topics: readonly string[]): void {
    for (const topic of topics) {
      const its = this.members.get(topic)
      if (its === undefined) this.members.set(topic, new Set([member]))
      else its.add(member)
    }
  }

  remove(member: Member, topics: readonly string[]): void {
    for (const topic of topics) this.members.get(topic)?.delete(member)
  }
}
