// The list of alarms. Text goes in by interpolation alone, so that markup in a log line is text.
export default {
  template: `
    <table class="alarms" :aria-label="label">
      <thead>
        <tr>
          <th scope="col">Last line (UTC)</th><th scope="col">Severity</th><th scope="col">Block</th>
          <th scope="col">What shows it</th><th scope="col" class="right">How unusual</th>
          <th scope="col" class="right">Score</th>
        </tr>
      </thead>
      <tbody>
        <tr v-for="row in rows" :key="row.key" :class="[row.severity, {selected: row.key === selected}]"
            @click="$emit('choose', row.key)">
          <td class="when">{{ row.time }}</td>
          <td class="grade"><span class="badge" :class="row.severity">{{ row.severity }}</span></td>
          <td class="block"><button type="button" :aria-current="row.key === selected"
              @click.stop="$emit('choose', row.key)">{{ row.block }}</button><span v-if="row.open" class="still"
              title="More lines may come">open</span></td>
          <td class="line" :title="row.line">{{ row.line }}</td>
          <td class="odds right" :title="row.title">{{ row.odds }}</td>
          <td class="score right">{{ row.score }}</td>
        </tr>
      </tbody>
    </table>`,
  props: { rows: Array, selected: String, label: String },
  emits: ["choose", "leave"],
  mounted() {
    this.listen = (event) => this.key(event);
    window.addEventListener("keydown", this.listen);
  },
  unmounted() {
    window.removeEventListener("keydown", this.listen);
  },
  methods: {
    key(event) {
      const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
      if (event.key === "Escape") {
        if (typing) event.target.blur();
        else this.$emit("leave");
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/") {
        event.preventDefault();
        document.querySelector('.filters input[aria-label="Block"]')?.focus();
      }
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      const buttons = [...this.$el.querySelectorAll("tbody button")];
      const at = buttons.indexOf(document.activeElement);
      if (!step || !buttons.length || (event.key.startsWith("Arrow") && at < 0)) return;
      event.preventDefault();
      buttons[Math.min(buttons.length - 1, Math.max(0, at + step))].focus();
    },
  },
};
