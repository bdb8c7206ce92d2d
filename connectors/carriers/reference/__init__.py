"""The reference carrier: it takes messages, keeps what is to be carried, and reports, as any carrier would."""
