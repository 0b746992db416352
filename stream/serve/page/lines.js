// Raw lines in order, the surprising ones marked. Text goes in by interpolation alone.
export default {
  template: `
    <ol class="lines">
      <li v-for="row in rows" :key="row.key" :class="{marked: row.marked, skipped: row.skipped}">
        <template v-if="row.skipped">{{ row.skipped }}</template>
        <template v-else>
          <span class="when">{{ row.time }}</span>
          <span class="text">{{ row.text }}</span>
          <details v-if="row.trace" class="trace" :open="row.marked">
            <summary>its stack trace</summary><pre>{{ row.trace }}</pre>
          </details>
          <span v-if="row.marked" class="why">carries the score</span>
        </template>
      </li>
    </ol>`,
  props: { rows: Array },
};
