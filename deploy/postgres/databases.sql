-- Beside the settlement database, which the image makes: exact addresses, and the optional registry's schemas.
CREATE DATABASE registry;
CREATE DATABASE vault;
