"""Chapter 6, recurrent networks."""

from solutions.recurrent.lstm import cell_update, forget_gate_bias, lstm, lstm_cell, lstm_gates, memory_half_life, stacked_lstm

__all__ = ["cell_update", "forget_gate_bias", "lstm", "lstm_cell", "lstm_gates", "memory_half_life", "stacked_lstm"]
