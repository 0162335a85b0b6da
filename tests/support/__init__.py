"""What tests share: databases, brokers, and the factories that the rooms' tests add."""
