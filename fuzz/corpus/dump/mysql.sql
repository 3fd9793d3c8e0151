-- MySQL dump 10.19  Distrib 10.11.19-MariaDB, for x
--
-- Host: localhost    Database: wiki
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
DROP TABLE IF EXISTS `CONTENT`;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `CONTENT` (
  `a` int DEFAULT 1.5,
  `b` text COMMENT 'x;\'\\'
);
LOCK TABLES `CONTENT` WRITE;
INSERT INTO `CONTENT` VALUES (1,'USE production;\nDROP DATABASE x; \\! id'),(2,"\"");
UNLOCK TABLES;
DELIMITER ;;
CREATE TRIGGER t BEFORE INSERT ON CONTENT FOR EACH ROW BEGIN USE x; END ;;
DELIMITER ;
-- Dump completed on 2026-11-20 22:00:00
